package page

// control says what of the report speaks to a criterion. The report shows what
// was recorded; whether that is enough is for the auditor to say.
type control struct{ Criterion, About, Shows, Where string }

var controls = []control{
	{"SOC 2 CC6.1, CC6.7; ISO/IEC 27001:2022 A.8.11, A.8.12", "Masking, prevention of leakage", "what was masked, held or passed, by rule, service and day", "#counts"},
	{"SOC 2 CC6.3; ISO/IEC 27001:2022 A.5.3, A.5.15", "Segregation of duties, access", "who decided, how many were needed, that no sender approved their own", "#decisions"},
	{"SOC 2 CC7.2, CC7.3; ISO/IEC 27001:2022 A.8.16", "Monitoring, evaluation of events", "time from holding to deciding, what was left undecided", "#decisions"},
	{"SOC 2 CC8.1; ISO/IEC 27001:2022 A.8.9, A.8.32", "Change management, configuration", "changes of policy, rules, configuration and keys", "#changes"},
	{"SOC 2 CC7.2; ISO/IEC 27001:2022 A.8.15", "Logging", "that the log was written all the time, and where it was not", "#continuity"},
	{"ISO/IEC 27001:2022 A.5.28, A.5.33", "Collection of evidence, protection of records", "that the entries are whole, in their order and those that were signed", "#verification"},
	{"SOC 2 P4.3; ISO/IEC 27001:2022 A.5.34, A.8.10", "Privacy, deletion", "which names were erased, which entries were removed by retention", "#removals"},
	{"SOC 2 CC6.1; ISO/IEC 27001:2022 A.8.24", "Use of cryptography", "keys created, rotated, destroyed; keys of what was denied destroyed", "#changes"},
}
