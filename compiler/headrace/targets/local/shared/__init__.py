"""What the parts of the local target share: results, rules, options, what is observed."""
