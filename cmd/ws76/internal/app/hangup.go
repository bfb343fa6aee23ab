package app

import (
	"os"
	"os/signal"
	"sync"
	"sync/atomic"
	"syscall"
)

// hangups is how many there are that SIGHUP is for. While there is none it ends the command.
var hangups atomic.Int32

// TakeHangups has SIGHUP sent to c until stop is called.
func TakeHangups(c chan<- os.Signal) (stop func()) {
	hangups.Add(1)
	signal.Notify(c, syscall.SIGHUP)
	return func() {
		signal.Stop(c) // nothing is sent from here on
		hangups.Add(-1)
	}
}

// endByHangup sends the first SIGHUP that is for nobody to signals: a terminal that goes
// away sends several, and the second of other signals does not wait for anything.
func endByHangup(signals chan<- os.Signal) {
	if signal.Ignored(syscall.SIGHUP) { // by nohup
		return
	}
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	go func() {
		for sig := range c {
			if hangups.Load() == 0 {
				signals <- sig
				return
			}
		}
	}()
}

// OnHangup calls f on each SIGHUP until stop is called, which waits for a call that is under way.
func OnHangup(f func()) (stop func()) {
	c := make(chan os.Signal, 1)
	free := TakeHangups(c)
	var running sync.WaitGroup
	running.Go(func() {
		for range c {
			f()
		}
	})
	return func() {
		free()
		close(c)
		running.Wait()
	}
}
