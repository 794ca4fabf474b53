// Command roots writes the certificate authorities that Mozilla trusts, as PEM,
// for an image that has no distribution to take them from. Those that Mozilla
// trusts under conditions only, which PEM cannot say, are left out.
package main

import (
	"bufio"
	"encoding/pem"
	"fmt"
	"os"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			pem.Encode(out, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) //nolint:errcheck // Flush has it
		}
	}
	if err := out.Flush(); err != nil {
		fmt.Fprintf(os.Stderr, "roots: %v\n", err)
		os.Exit(1)
	}
}
