# surveillance::hhh4 (autoregressive and endemic part, random intercepts, negative binomial) at rolling origins.
#
#   Rscript hhh4.R panel.csv output origins.csv horizon draws
#
# panel.csv: series, t (1, 2, …) and attacks, one row per cell. origins.csv: one column `t`, the last period that each
# origin knows. Each origin is fitted to its data alone. `output` gets one file <t>.csv per origin with simulated counts
# (a row per draw and period, a column per series; the fitted coefficients held, as `simulate` has it).
suppressPackageStartupMessages(library(surveillance))
given <- commandArgs(TRUE)
d <- read.csv(given[1]); output <- given[2]; horizon <- as.integer(given[4]); draws <- as.integer(given[5])
origins <- read.csv(given[3])$t
w <- tapply(d$attacks, list(d$t, factor(d$series, levels = unique(d$series))), sum)
# Periods that are simulated beyond the data need rows; what stands in them is not used.
s <- sts(rbind(w, matrix(0, horizon, ncol(w))), frequency = 12)
control <- list(ar = list(f = ~1), end = list(f = ~-1 + ri(type = "iid")), family = "NegBin1")
for (t in origins) {
  m <- hhh4(s, c(control, list(subset = 2:t)))
  paths <- simulate(m, nsim = draws, seed = t, subset = (t + 1):(t + horizon), y.start = w[t, ], simplify = TRUE)
  # (period, series, draw) -> rows by draw, then period
  table <- matrix(aperm(paths, c(1, 3, 2)), ncol = ncol(w))
  write.table(table, file.path(output, paste0(t, ".csv")), sep = ",", row.names = FALSE, col.names = FALSE)
}
