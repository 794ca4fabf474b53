package login

import (
	"errors"
	"fmt"
	"time"
)

// ErrOverflow: the identity provider left the groups out of the token because
// there are too many (Entra ID does so above 200). Which permissions somebody
// has is then unknown, so there are none.
var ErrOverflow = errors.New("the token does not hold all groups of the person")

// Person is somebody whom the identity provider vouches for.
type Person struct {
	Issuer string
	// ID is the token's sub: with Issuer it is the person, whatever else changes.
	ID string
	// Name is the claim that senders' authenticators use for a name.
	Name string
	// Names are further names; none is proof of anything.
	Names  []string
	Groups []string
	// At is when the person proved to be there (auth_time), or else the login.
	At time.Time
}

// nameClaims are claims with which a person may be called in telemetry.
var nameClaims = []string{"preferred_username", "email", "upn", "username"}

// Names collects the names that claims give a person.
func Names(claim func(string) any) []string {
	var names []string
	for _, c := range nameClaims {
		if s, ok := claim(c).(string); ok && s != "" {
			names = append(names, s)
		}
	}
	return names
}

// Groups reads the groups from the claim called name: a string or a list of
// strings. A list that is not there is empty; one that the provider keeps
// elsewhere is ErrOverflow.
func Groups(claim func(string) any, name string) ([]string, error) {
	if elsewhere := claim("_claim_names"); elsewhere != nil {
		m, ok := elsewhere.(map[string]any)
		if _, groups := m["groups"]; !ok || groups || m[name] != nil {
			return nil, ErrOverflow
		}
	}
	if has, _ := claim("hasgroups").(bool); has {
		return nil, ErrOverflow
	}
	switch v := claim(name).(type) {
	case nil:
		return nil, nil
	case string:
		return []string{v}, nil
	case []string:
		return v, nil
	case []any:
		groups := make([]string, 0, len(v))
		for _, g := range v {
			s, ok := g.(string)
			if !ok {
				return nil, fmt.Errorf("the claim %s holds something else than strings", name)
			}
			groups = append(groups, s)
		}
		return groups, nil
	}
	return nil, fmt.Errorf("the claim %s is neither a string nor a list", name)
}
