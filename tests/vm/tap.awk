# SPDX-License-Identifier: GPL-2.0-only
# Says where the results do not fit together: every suite that begins must
# end with status 0, with one good result for each test of its plan.
/^# .* begins$/	{ suite = $2; results = 0; plan = "no" }
/^ok /		{ results++ }
/^not ok /	{ results++; print }
/^1\.\.[0-9]+/	{ plan = substr($0, 4) }
/^# .* ends /	{
	if (plan != results)
		print suite, plan, "tests planned and", results, "results"
	if ($NF != 0)
		print suite, "status", $NF
	suite = ""
}
END {
	if (suite)
		print suite, "never ended"
}
