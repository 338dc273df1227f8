"""KILT's knowledge source (pages of paragraphs) cut into passages whose places in the pages are known."""
