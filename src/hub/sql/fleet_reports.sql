SELECT device, needs, waiting, came_ms FROM report
