// Package gitleaks reads configurations of the secret scanner gitleaks (TOML)
// and turns them into packs.
//
// A rule written for files of a repository does not fit telemetry as it is:
// there are no paths and commits, a token ends in more ways than at a quote,
// and an engine that reads every attribute of every span needs an anchor. What
// cannot be taken over as it stands is changed in the safe direction, towards
// more findings, or left out, and each such difference is reported.
package gitleaks
