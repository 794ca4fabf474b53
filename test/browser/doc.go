// Package browser uses the review page as people do, in a real Chromium.
//
// TestBinary and TestLogin run on the built binary, which `make e2e` builds,
// and on telemetry that it holds: the first with the passwords of the embedded
// default, the second with an identity provider (login by OpenID Connect,
// signing out, the fresh login that an original takes).
//
// TestFlows has the same flows as TestBinary on a page that is already served,
// if TRACESCRUB_URL names it and TRACESCRUB_USERS is a file of user:password
// lines with at least two approvers in it. It then needs eight pending items,
// two of which take two approvals. Without TRACESCRUB_URL, and for everything
// else, the page is served by pagetest, with items in memory.
//
// Without a Chromium nothing is tested; with E2E=all that is a failure.
//
// It is a module of its own, so that nothing a browser needs becomes a
// requirement of the product.
package browser
