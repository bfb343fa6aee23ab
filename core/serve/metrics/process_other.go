//go:build !linux

package metrics

func exposeSystem(*exposition) {}
