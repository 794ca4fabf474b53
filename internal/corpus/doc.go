// Package corpus is the repository's own test oracle: recorded agent
// telemetry with secrets planted in it, and a scorer that says what a masker
// did to it.
//
// The committed files in testdata/corpus hold no secret. Each is an OTLP/JSON
// payload in which every secret and every look-alike is a placeholder,
// {{id.form.form}}; Fill makes a fresh random value for each of them, writes it
// in the form the placeholder names, and with that knows exactly what stands
// where. Score compares a masked payload with that truth.
//
// Nothing here uses package rules: an oracle that shared code with what it
// judges would share its mistakes. Only tests and test programs import it.
package corpus
