module github.com/tracescrub/tracescrub

go 1.26.0
