"""One module for each tool, run inside that tool's environment, so none imports anything of ours.

load()           the import, so that it can be timed
init(work)       start a run that keeps its data below the folder `work`
log(step, row)   one step; `row` is a dict of ten floats
finish()         end the run; what is meant to be durable is durable when it returns
count(work)      in a fresh process: distinct steps that can be read back from `work`
count_sent()     the same from the server, for tools that send (optional)
"""
