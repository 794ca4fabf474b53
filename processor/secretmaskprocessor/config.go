package secretmaskprocessor

// Config is what users set under `secret_mask:`.
type Config struct{}
