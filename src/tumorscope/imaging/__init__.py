"""Pictures and volumes: any file in, gray float arrays with their geometry out.

`inputs` finds files in folders and archives, `formats` decodes each, and the modules here
preprocess the result or draw it.
"""
