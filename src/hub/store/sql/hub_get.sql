SELECT store, connection FROM hub
