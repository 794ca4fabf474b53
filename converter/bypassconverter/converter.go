// Package bypassconverter is the confmap converter that refuses configurations
// in which telemetry could get past secret_mask or verdict, and keeps the hash
// of the others for the audit log, and whether verdict is there to tell what
// secret_mask drops. It changes nothing.
//
// It is a converter because a Collector runs its converters over the whole
// configuration whenever it reads one: at start, at `validate` and at reload.
// No component gets to see more than its own part.
package bypassconverter

import (
	"context"
	"fmt"
	"strings"

	"go.opentelemetry.io/collector/confmap"

	"github.com/tracescrub/tracescrub/internal/confighash"
	"github.com/tracescrub/tracescrub/internal/judged"
	"github.com/tracescrub/tracescrub/internal/pipelines"
)

// NewFactory returns the factory of the converter.
func NewFactory() confmap.ConverterFactory {
	return confmap.NewConverterFactory(func(confmap.ConverterSettings) confmap.Converter { return converter{} })
}

type converter struct{}

// Convert returns an error that lists all mistakes.
func (converter) Convert(_ context.Context, conf *confmap.Conf) error {
	all := conf.ToStringMap()
	if mistakes := pipelines.Check(all); len(mistakes) > 0 {
		return fmt.Errorf("refused, because telemetry could get past secret_mask or verdict:\n  %s", strings.Join(mistakes, "\n  "))
	}
	hash, err := confighash.Of(all)
	if err != nil {
		return err
	}
	confighash.Set(hash)
	judged.Set(pipelines.Judged(all))
	return nil
}
