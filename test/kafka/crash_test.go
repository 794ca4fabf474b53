package kafka_test

import "errors"

const childEnv = "TRACESCRUB_TEST_SPOOL"

var errCut = errors.New("cut")

func child() int { return 0 }
