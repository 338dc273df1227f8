"""What a reader costs and how well it does: compute accounting, benchmark, report and plots."""
