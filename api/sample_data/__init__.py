"""A made-up company's history, told as commands: data to try things out with."""
