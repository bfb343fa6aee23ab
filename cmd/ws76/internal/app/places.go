package app

import (
	"fmt"
	"os"
	"path/filepath"
)

// StateDir is the folder of what is kept from one run to the next, under $XDG_STATE_HOME.
func (e *Env) StateDir() (string, error) {
	state, err := e.xdg("XDG_STATE_HOME", ".local", "state")
	return filepath.Join(state, "ws76"), err
}

// PluginHome is where plugins are installed, under $XDG_DATA_HOME.
func (e *Env) PluginHome() (string, error) {
	data, err := e.xdg("XDG_DATA_HOME", ".local", "share")
	if err != nil {
		return "", fmt.Errorf("finding the folder of plugins: %w", err)
	}
	return filepath.Join(data, "ws76", "plugins"), nil
}

// xdg is the folder that a variable names, or one below the user's own.
func (e *Env) xdg(variable string, below ...string) (string, error) {
	if dir := e.Getenv(variable); dir != "" {
		return dir, nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(append([]string{home}, below...)...), nil
}
