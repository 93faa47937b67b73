"""The engine of `method: bayes`. `engine.suggest_next` is its only door; `search.suggest` opens it.

From configurations to numbers and back (`codec`), from logged values to targets (`observations`,
`targets`), a Gaussian process over them (`gp`), where to look (`candidates`), what is worth a run
(`acquisition`, `several`, `outcomes`), a second opinion without a Gaussian process (`tpe`), and the
sentences that say why (`reasons`). Everything is a function of (problem, trials, seed, index).
"""
