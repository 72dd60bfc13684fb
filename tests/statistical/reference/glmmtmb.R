# Fit the table of agreement_panels.py with glmmTMB by maximum marginal likelihood, and keep estimates and errors.
# Rscript glmmtmb.R glmmtmb_panel.csv glmmtmb.csv
suppressPackageStartupMessages(library(glmmTMB))
a <- commandArgs(TRUE); d <- read.csv(a[1])
for (v in c("series", "province", "tactic")) d[[v]] <- factor(d[[v]])
m <- glmmTMB(attacks ~ lag + (1 | province) + (1 | tactic) + (1 | series), family = nbinom2, data = d)
stopifnot(m$fit$convergence == 0, m$sdr$pdHess)
e <- m$fit$par; s <- sqrt(diag(m$sdr$cov.fixed))
label <- c("intercept", "excitation", "log_phi", paste0("log_sigma_", names(VarCorr(m)$cond)))
out <- file(a[2], "w")
writeLines(paste0("# ", R.version.string, ", glmmTMB ", packageVersion("glmmTMB"), ", sha256 of the table: ",
                  sub(" .*", "", system(paste("sha256sum", a[1]), intern = TRUE))), out)
write.csv(data.frame(parameter = label, estimate = round(unname(e), 6), se = round(unname(s), 6)), out,
          row.names = FALSE, quote = FALSE)
close(out)
