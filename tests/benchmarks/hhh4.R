# surveillance::hhh4 (autoregressive and endemic part, random intercepts, negative binomial) at rolling origins.
#
#   Rscript hhh4.R panel.csv output origins.csv horizon draws
#
# panel.csv: series, t (1, 2, …) and attacks, one row per cell. origins.csv: one column `t`, the last period that each
# origin knows. Each origin is fitted to its data alone. `output` gets scores.csv (one step: logs and rps by
# surveillance's own `scores`), one file <t>.csv per origin with simulated counts (a row per draw and period, a column
# per series; the fitted coefficients held, as `simulate` has it), and the seconds are printed as JSON.
suppressPackageStartupMessages(library(surveillance))
given <- commandArgs(TRUE)
d <- read.csv(given[1]); output <- given[2]; horizon <- as.integer(given[4]); draws <- as.integer(given[5])
origins <- read.csv(given[3])$t
w <- tapply(d$attacks, list(d$t, factor(d$series, levels = unique(d$series))), sum)
last <- nrow(w)
# Periods that are simulated beyond the data need rows; what stands in them is not used.
s <- sts(rbind(w, matrix(0, horizon, ncol(w))), frequency = 12)
control <- list(ar = list(f = ~1), end = list(f = ~-1 + ri(type = "iid")), family = "NegBin1")
fitting <- 0; simulating <- 0; rows <- list()
for (t in origins) {
  begun <- proc.time()[3]
  m <- hhh4(s, c(control, list(subset = 2:t)))
  fitting <- fitting + proc.time()[3] - begun
  begun <- proc.time()[3]
  paths <- simulate(m, nsim = draws, seed = t, subset = (t + 1):(t + horizon), y.start = w[t, ], simplify = TRUE)
  simulating <- simulating + proc.time()[3] - begun
  # (period, series, draw) -> rows by draw, then period
  table <- matrix(aperm(paths, c(1, 3, 2)), ncol = ncol(w))
  write.table(table, file.path(output, paste0(t, ".csv")), sep = ",", row.names = FALSE, col.names = FALSE)
  if (t < last) {
    step <- oneStepAhead(m, tp = c(t, t), type = "final", verbose = FALSE)
    each <- scores(step, which = c("logs", "rps"), individual = TRUE)
    rows[[length(rows) + 1]] <- data.frame(t = t, converged = m$convergence, logs = mean(each[, "logs"]), rps = mean(each[, "rps"]))
  }
}
write.csv(do.call(rbind, rows), file.path(output, "scores.csv"), row.names = FALSE)
cat(sprintf('{"fit_s":%.2f,"simulate_s":%.2f}\n', fitting, simulating))
