// Package login finds out who somebody at a browser is, by OpenID Connect's
// code flow with PKCE. It knows neither sessions nor permissions.
//
// A login in progress is kept by the browser, sealed in a cookie under a key
// of this process: whoever runs several gates behind one address has to send
// a browser to the same one each time.
package login
