package prefilter

// Sample is ordinary text in which no secret stands: prose, code and telemetry.
// New chooses by it, and the cost of a literal is told by it.
func Sample() string { return ordinary }
