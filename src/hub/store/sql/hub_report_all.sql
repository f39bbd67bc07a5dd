SELECT device.id, report.body FROM device LEFT JOIN report ON report.device = device.id WHERE device.state = 0
