"""Other cities over the network (对方城市): clients behind the desk's ports."""
