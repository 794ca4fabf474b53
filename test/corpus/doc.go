// Package corpus runs the real processor over the filled corpus, with several
// seeds, and holds it to what the project promises: no easy secret left, no
// JSON broken, look-alikes and clean files untouched, and nothing new on a second run.
package corpus
