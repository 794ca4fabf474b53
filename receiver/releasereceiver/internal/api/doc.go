// Package api is the admin API of release_gate: HTTP in front of a gate.Gate.
//
// A request passes, in this order: a request id and the security headers; the
// limit of its address; where it may come from (no other site); who sends it
// (session cookie, or the Collector's auth extension); the limit of that
// person; the permission that the route needs; the handler. Each of them may
// end it with an RFC 9457 problem document; nothing else ends a request.
//
// Permissions are decided here. Who may vote on which item, and what a vote
// does, is the gate's to decide. openapi.yaml is the contract with clients,
// docs/api.md the guide.
package api
