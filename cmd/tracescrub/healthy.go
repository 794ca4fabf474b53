package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"
)

// defaultHealth is where the configurations in deploy/ have the extension health_check.
const defaultHealth = "http://127.0.0.1:13133/"

func newHealthy(t *terminal) *cobra.Command {
	timeout := 3 * time.Second
	cmd := &cobra.Command{
		Use:   "healthy [URL]",
		Short: "Ask a Collector whether it is healthy, for a container's health check",
		Long: `Healthy asks the extension health_check of a Collector, by default on
` + defaultHealth + `, and answers with the exit code. It is for images that
have neither a shell nor curl.

Exit codes: 0 healthy; 1 not, or no answer; 2 wrong use.`,
		Example: `  tracescrub healthy
  tracescrub healthy http://10.0.0.7:13133/`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usef("unexpected argument %q", args[1])
			}
			target := defaultHealth
			if len(args) == 1 {
				target = args[0]
			}
			if u, err := url.Parse(target); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
				return usef("URL: must be http://host:port/ or https://")
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			if err := askHealth(ctx, target); err != nil {
				fmt.Fprintf(t.err, "tracescrub: not healthy: %v\n", err)
				return errFindings
			}
			return nil
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", timeout, "how `long` to wait for the answer")
	return cmd
}

func askHealth(ctx context.Context, target string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return err
	}
	// A proxy of the environment is not what is asked, and a redirect no answer.
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		var asked *url.Error
		if errors.As(err, &asked) {
			err = asked.Err // without the address, which may hold a password
		}
		return err
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("answered %d", resp.StatusCode)
	}
	return nil
}
