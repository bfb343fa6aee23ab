// Package plugins finds, reads, loads and installs plugins.
//
// A plugin is a folder NAME with a file plugin.lua: a script of package scripts, and in it a manifest that says what
// the plugin is called, what can be set and which commands it adds:
//
//	plugin = {
//	  name = "hello", version = "1.0.0", summary = "greets",
//	  options = { { name = "greeting", type = "string", default = "hello", help = "what to say" } },
//	  commands = { ["say-hello"] = { summary = "greets a server", run = function(args) … end } },
//	}
//
// The manifest is read from the source, not by running it: it is a table of constants, and functions where there is
// something to be run. So plugins can be listed, described and installed without any of their code being run.
//
// A [Finder] knows where plugins are: in its folders, first to last, and built in. [Plugin.Load] makes a script of one,
// with settings that were checked against the manifest in the global table options. What runs, and within which bounds,
// is package scripts' business: a plugin has a state, budgets and an error policy of its own like any other script.
package plugins
