// Package browser has the program that checks a receipt in a browser, for the
// review page and for evidence reports.
package browser

import _ "embed"

//go:embed check.js
var script string

// Script is a classic script that defines one global:
//
//	tracescrubCheck(receipt, publicKeys) -> Promise of
//	  {ok, steps: [{what, ok, detail}], entry, index, size, root, origin, keys}
//
// receipt is the text of a C2SP tlog-proof, publicKeys a list of verifier keys
// as in log.pub. The steps end with the first that fails; ok says that all were
// done and none has failed. What comes after them is what the receipt says, as far
// as it could be read: entry is the object, root base64, and keys name those
// of the trusted ones that the checkpoint names. The script uses WebCrypto only,
// nothing of the page and no network. The promise is rejected if the script itself
// is at fault: then nothing is known about the receipt.
func Script() string { return script }
