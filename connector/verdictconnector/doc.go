// Package verdictconnector is the connector `verdict`: it carries out what the
// processor secret_mask decided. Audit events first, then what is held to the
// quarantine, then the rest to the pipelines of clean telemetry; the first
// error stops the others and goes back to the sender, who can try again.
//
// It decides nothing about secrets: it reads the stamp (package verdict). What
// has no stamp was not scanned and goes nowhere.
package verdictconnector
