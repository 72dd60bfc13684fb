# Scores of negative binomial predictions by R's surveillance, for tests/statistical/test_scores.py.
#   Rscript surveillance_scores.R > surveillance_scores.csv
suppressPackageStartupMessages(library(surveillance))
cells <- expand.grid(mu = c(0.05, 0.8, 6, 90), size = c(0.4, 3, 50), at = c(0, 0.5, 1.6, 4))
cells$observed <- round(cells$mu * cells$at)
found <- scores(cells$observed, mu = cells$mu, size = cells$size, which = c("logs", "rps"))
write.csv(cbind(cells[c("mu", "size", "observed")], found), row.names = FALSE, quote = FALSE)
