"""Files larger than memory: windows are read, computed and written, one ahead of the other.

`windows` decides where an image may be cut so that every result has the bits of the call in memory,
`pipeline` runs the windows, and `blocks`, `boxes`, `levels`, `labels` and `samples` say what the
families of statistics need.
"""
