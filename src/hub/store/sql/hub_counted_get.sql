SELECT counted, (SELECT max(number) FROM record) FROM hub
