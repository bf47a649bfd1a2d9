"""From an author's pipeline file to the intermediate form, by way of kfp's compiler."""
