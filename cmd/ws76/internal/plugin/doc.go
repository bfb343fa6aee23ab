// Package plugin is ws76 plugin, and the commands that plugins and executables on PATH add.
package plugin
