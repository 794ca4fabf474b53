// Package browser uses the review page as people do, in a real Chromium.
//
// TestFlows runs against a page that is already served, if TRACESCRUB_URL
// names it and TRACESCRUB_USERS is a file of user:password lines with at least
// two approvers in it: so the same flows are run on the built binary. It then
// needs eight pending items, two of which take two approvals. Without
// TRACESCRUB_URL, and for everything else, the page is served by pagetest,
// with items in memory.
//
// It is a module of its own, so that nothing a browser needs becomes a
// requirement of the product.
package browser
