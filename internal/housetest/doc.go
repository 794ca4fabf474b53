// Package housetest holds the rules of the house as tests: who may import
// whom, what a component's folder and README hold, how large things may get,
// that documents and code agree, and that examples work.
//
// Every rule is a function from a file tree to a list of complaints. It runs
// twice: on this repository, where it must find nothing, and on a small tree
// with a planted violation, which it must find. A rule that finds nothing to
// look at complains too, so it cannot come to pass by looking in the wrong
// place.
//
// To allow an exception, add it to the table beside its rule, with a reason.
// An exception that is no longer needed is a complaint as well.
package housetest
