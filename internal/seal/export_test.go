package seal

import "github.com/tracescrub/tracescrub/internal/envelope"

// CloserOf makes a closer whose secrets and salts are known.
func CloserOf(c envelope.Capsule, export func(string, int) ([]byte, error), random func([]byte)) *Closer {
	return &Closer{capsule: c, export: export, random: random}
}

// NewAt is New at another time.
var NewAt = newSealer
