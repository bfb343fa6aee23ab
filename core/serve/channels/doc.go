// Package channels serves the channels of a hub under /ws/CHANNEL/rw, ro and wo: to
// WebSocket connections of any dialect, and to plain HTTP.
package channels
