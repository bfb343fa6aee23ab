// Package outcome says what errors of other packages mean to a command: exit codes and hints.
package outcome
