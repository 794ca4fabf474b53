package kafkaclient

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
	"go.opentelemetry.io/collector/config/configopaque"
)

// TLSConfig is how connections are encrypted and brokers are known.
type TLSConfig struct {
	Enabled bool `mapstructure:"enabled"`
	// CAFile has the certificates that brokers' are checked with; without it
	// the system's are used.
	CAFile string `mapstructure:"ca_file"`
	// CertFile and KeyFile are our own certificate and key, where brokers ask
	// for one. They are read again for each connection.
	CertFile string `mapstructure:"cert_file"`
	KeyFile  string `mapstructure:"key_file"`
	// ServerName is the name in the brokers' certificates, if it is not their host's.
	ServerName string `mapstructure:"server_name"`
	// InsecureSkipVerify takes any certificate: whoever is in between can
	// read what is sent, delete and change it.
	InsecureSkipVerify bool `mapstructure:"insecure_skip_verify"`
}

// SASLConfig is who we are to the brokers.
type SASLConfig struct {
	// Mechanism is PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER, or empty for none.
	Mechanism string              `mapstructure:"mechanism"`
	Username  string              `mapstructure:"username"`
	Password  configopaque.String `mapstructure:"password"`
	// OAuth is where OAUTHBEARER gets its tokens.
	OAuth OAuthConfig `mapstructure:"oauth"`
}

const (
	mechanismPlain    = "PLAIN"
	mechanismScram256 = "SCRAM-SHA-256"
	mechanismScram512 = "SCRAM-SHA-512"
	mechanismOAuth    = "OAUTHBEARER"
)

func (t *TLSConfig) problems() []error {
	var errs []error
	if !t.Enabled && *t != (TLSConfig{}) {
		errs = append(errs, errors.New("tls::enabled: must be true if anything else of tls is set"))
	}
	if (t.CertFile == "") != (t.KeyFile == "") {
		errs = append(errs, errors.New("tls::key_file: must be set together with tls::cert_file"))
	}
	if t.InsecureSkipVerify && t.CAFile != "" {
		errs = append(errs, errors.New("tls::ca_file: means nothing with tls::insecure_skip_verify"))
	}
	return errs
}

// load reads the files. nil: no TLS.
func (t *TLSConfig) load() (*tls.Config, error) {
	if !t.Enabled {
		return nil, nil
	}
	cfg := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		ServerName:         t.ServerName,
		InsecureSkipVerify: t.InsecureSkipVerify, //nolint:gosec // G402: the key of the configuration says what it does
	}
	if t.CAFile != "" {
		pem, err := os.ReadFile(t.CAFile)
		if err != nil {
			return nil, fmt.Errorf("tls::ca_file: %w", err)
		}
		cfg.RootCAs = x509.NewCertPool()
		if !cfg.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls::ca_file: no certificate in %s", t.CAFile)
		}
	}
	if t.CertFile != "" {
		read := func() (*tls.Certificate, error) {
			cert, err := tls.LoadX509KeyPair(t.CertFile, t.KeyFile)
			if err != nil {
				return nil, fmt.Errorf("tls::cert_file: %w", err)
			}
			return &cert, nil
		}
		if _, err := read(); err != nil {
			return nil, err
		}
		cfg.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return read() }
	}
	return cfg, nil
}

func (s *SASLConfig) problems(encrypted bool) []error {
	var errs []error
	set := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New(what))
		}
	}
	switch s.Mechanism {
	case "":
		set(*s == (SASLConfig{}), "sasl::mechanism: must be set if anything else of sasl is")
		return errs
	case mechanismPlain, mechanismScram256, mechanismScram512:
		set(s.Username != "", "sasl::username: must be set")
		set(s.Password != "", "sasl::password: must be set")
		set(s.OAuth == (OAuthConfig{}), "sasl::oauth: belongs to the mechanism "+mechanismOAuth)
	case mechanismOAuth:
		set(s.Username == "" && s.Password == "", "sasl::username: does not belong to the mechanism "+mechanismOAuth)
		errs = append(errs, s.OAuth.problems()...)
	default:
		errs = append(errs, fmt.Errorf("sasl::mechanism: must be one of %s, %s, %s, %s",
			mechanismPlain, mechanismScram256, mechanismScram512, mechanismOAuth))
		return errs
	}
	if !encrypted && (s.Mechanism == mechanismPlain || s.Mechanism == mechanismOAuth) {
		errs = append(errs, fmt.Errorf("tls::enabled: must be true, since %s sends the password or token as it is", s.Mechanism))
	}
	return errs
}

func (s *SASLConfig) mechanism() (sasl.Mechanism, error) {
	switch s.Mechanism {
	case mechanismPlain:
		return plain.Mechanism{Username: s.Username, Password: string(s.Password)}, nil
	case mechanismScram256, mechanismScram512:
		algorithm := scram.SHA256
		if s.Mechanism == mechanismScram512 {
			algorithm = scram.SHA512
		}
		m, err := scram.Mechanism(algorithm, s.Username, string(s.Password))
		if err != nil {
			// The library's own error could have the password in it.
			return nil, errors.New("sasl::password: has characters that SCRAM does not allow")
		}
		return m, nil
	case mechanismOAuth:
		return newBearer(&s.OAuth), nil
	}
	return nil, nil
}
