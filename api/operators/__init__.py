"""What operators and auditors do, whether they ask on the command line or over HTTP."""
