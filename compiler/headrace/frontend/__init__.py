"""From an author's pipeline file to the intermediate form, with kfp's compiler."""
