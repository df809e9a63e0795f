"""The command line and the composition root: settings in, a running application or worker out."""
