// Package bypassconverter is the confmap converter that refuses configurations
// in which telemetry could get past secret_mask or verdict, and keeps the hash
// of the others for the audit log, and whether verdict is there to tell what
// secret_mask drops. It changes nothing.
//
// Its factory is also the first code of ours that a distribution runs, before
// it reads a configuration. So that is where the process stops being dumpable:
// what it will have in memory, a core dump would write to a disk.
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
	"go.uber.org/zap"

	"github.com/tracescrub/tracescrub/internal/confighash"
	"github.com/tracescrub/tracescrub/internal/judged"
	"github.com/tracescrub/tracescrub/internal/ownmemory"
	"github.com/tracescrub/tracescrub/internal/pipelines"
)

// NewFactory returns the factory of the converter, and makes that this process
// leaves no core dump.
func NewFactory() confmap.ConverterFactory {
	err := ownmemory.NoDump()
	return confmap.NewConverterFactory(func(set confmap.ConverterSettings) confmap.Converter {
		if err != nil && set.Logger != nil {
			set.Logger.Warn("a crash of this process may leave its memory on a disk: turn core dumps off from outside", zap.Error(err))
		}
		return converter{}
	})
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
