// Package wifly is ws76 wifly: WiFly modules, and one in software.
package wifly
