// Package browser has the program that checks a receipt in a browser, for the
// review page and for evidence reports.
package browser

import _ "embed"

//go:embed check.js
var script string

// Script is a classic script that defines one global:
//
//	tracescrubCheck(receipt, publicKeys) -> Promise of
//	  {ok, steps: [{what, ok, detail}], entry, index, size, root, origin}
//
// receipt is the text of a C2SP tlog-proof, publicKeys a list of verifier keys
// as in log.pub. It uses WebCrypto only, and nothing of the page.
func Script() string { return script }
