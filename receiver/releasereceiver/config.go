package releasereceiver

import (
	"path/filepath"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"

	"github.com/tracescrub/tracescrub/internal/datadir"
	"github.com/tracescrub/tracescrub/internal/guarded"
	"github.com/tracescrub/tracescrub/internal/holdstore/backend"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/api"
	"github.com/tracescrub/tracescrub/receiver/releasereceiver/internal/notify"
)

// Config is what users set under `release_gate:`. The zero value is not valid:
// start from the factory's default. README.md has every key with its
// consequence.
type Config struct {
	// Store is where held items are, the same as the quarantine exporter's.
	Store backend.Config `mapstructure:"store"`
	// Keys is where the keys are that open them.
	Keys KeysConfig `mapstructure:"keys"`
	// FingerprintKeyFile has the key that secret_mask makes fingerprints with.
	FingerprintKeyFile string `mapstructure:"fingerprint_key_file"`
	// ExpireAfter is how long an item waits for a decision.
	ExpireAfter time.Duration `mapstructure:"expire_after"`
	// Quorum is asked in order about each item; the first entry that matches
	// says how many approvals it needs.
	Quorum []QuorumConfig `mapstructure:"quorum"`
	// Justification says what reason people must give.
	Justification JustificationConfig `mapstructure:"justification"`
	// Release says how approved items are sent.
	Release ReleaseConfig `mapstructure:"release"`
	// HTTP is the server of the admin API and of the review page.
	HTTP confighttp.ServerConfig `mapstructure:"http"`
	// API says who may do what with it.
	API api.Config `mapstructure:",squash"`
	// Audit is where the audit log can be asked for receipts.
	Audit configoptional.Optional[AuditConfig] `mapstructure:"audit"`
	// Notify tells people by a webhook.
	Notify configoptional.Optional[notify.Config] `mapstructure:"notify"`
}

// KeysConfig says where keys are.
type KeysConfig struct {
	// Private is the directory of the private keys; the key that
	// authenticates decisions is kept there as well, as gate.mac.
	Private string `mapstructure:"private"`
}

// QuorumConfig is one entry of the quorum. All matchers that are set must match.
type QuorumConfig struct {
	// Severity is the lowest severity: low, medium, high or critical.
	Severity string `mapstructure:"severity"`
	// Service is a glob on the name of the service.
	Service string `mapstructure:"service"`
	// Required is how many different people must approve.
	Required int `mapstructure:"required"`
}

// JustificationConfig says what reason people must give.
type JustificationConfig struct {
	// MinLength is how many characters a reason must have.
	MinLength int `mapstructure:"min_length"`
}

// ReleaseConfig says how approved items are sent.
type ReleaseConfig struct {
	// Lease is how long a gate has for one attempt; after it another gate may try.
	Lease time.Duration `mapstructure:"lease"`
	// Workers is how many items are released at the same time.
	Workers int `mapstructure:"workers"`
}

func createDefaultConfig() component.Config {
	dataDir := datadir.Default()
	server := guarded.DefaultServer()
	server.NetAddr.Endpoint = "127.0.0.1:8686"
	return &Config{
		Store:              backend.DefaultConfig(dataDir),
		Keys:               KeysConfig{Private: filepath.Join(dataDir, "keys", "private")},
		FingerprintKeyFile: filepath.Join(dataDir, "fingerprint.key"),
		ExpireAfter:        7 * 24 * time.Hour,
		Justification:      JustificationConfig{MinLength: 4},
		Release:            ReleaseConfig{Lease: time.Minute, Workers: 4},
		HTTP:               server,
		API:                api.NewDefaultConfig(),
		Audit:              configoptional.Default(defaultAuditConfig()),
		Notify:             configoptional.Default(notify.NewDefaultConfig()),
	}
}
