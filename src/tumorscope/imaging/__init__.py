"""Pictures and volumes: any file in, grey float arrays with their geometry out.

`inputs` finds files in folders and archives, `formats` decodes each, and what lies here prepares
the result for the network or draws it. Imports only `system`, `errors` and `labels`.
"""
