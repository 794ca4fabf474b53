// Package soak runs a gateway deployment under load and faults for a long
// time, and accounts for every span.
package soak
